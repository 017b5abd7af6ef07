export { sasrec, type SasRec, type SasRecOptions, type SasRecParameters } from './sasrec.ts';
export { dssm, type Dssm, type DssmOptions, type DssmParameters } from './dssm.ts';
export { importSasrec, type ImportedSasrec, type SasrecImportSettings } from './importSasrec.ts';
