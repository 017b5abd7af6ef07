export { sasrec, type SasRec, type SasRecOptions, type SasRecParameters } from './sasrec.ts';
export { importSasrec, type ImportedSasrec, type SasrecImportSettings } from './importSasrec.ts';
