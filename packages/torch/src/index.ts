export { openArchive, type Archive, type ArchiveLimits } from './archive.ts';
export { readStateDict, type PthTensor, type PthType } from './pth.ts';
export { readPickle } from './pickle.ts';
export type { PickleGlobal, PickleRecord, PickleStorage, PickleTensor, PickleValue } from './pickleValues.ts';
