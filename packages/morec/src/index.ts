export {
  unisrec,
  type MixtureParameters,
  type UniSRec,
  type UniSRecFeed,
  type UniSRecGroup,
  type UniSRecOptions,
  type UniSRecParameters,
} from './unisrec.ts';
export { sasrec, type SasRec, type SasRecOptions, type SasRecParameters } from './sasrec.ts';
export { bert4rec, type Bert4Rec, type Bert4RecOptions, type Bert4RecParameters } from './bert4rec.ts';
export { dssm, type Dssm, type DssmOptions, type DssmParameters } from './dssm.ts';
export { gru4rec, type Gru4Rec, type Gru4RecOptions, type Gru4RecParameters } from './gru4rec.ts';
export type { HistoryEncoderParameters } from './historyEncoder.ts';
export { importSasrec, type ImportedSasrec, type SasrecImportSettings } from './importSasrec.ts';
