export { openArchive, type Archive, type ArchiveLimits } from './archive.ts';
export type { PthTensor, PthType } from './elements.ts';
export { readStateDict } from './pth.ts';
export { readPickle } from './pickle.ts';
export type { PickleGlobal, PickleRecord, PickleStorage, PickleTensor, PickleValue } from './pickleValues.ts';
export { floats, tableRows, tokenRows } from './tables.ts';
