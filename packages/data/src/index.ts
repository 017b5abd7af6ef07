export type { Batch, Domain, Items, ProtocolName, Rows, Sequences } from './types.ts';
export { InputError, quoted } from './errors.ts';
export { makeDirectory, placeProblem } from './directories.ts';
export { Cells, eachTsvLine } from './tsv.ts';
export { IdTable } from './idTable.ts';
export { ByteList, FloatList, IntList } from './growing.ts';
export { eachLine, type LineVisitor } from './lines.ts';
export { eachWrongLine, isText, otherKind, readTextFile, textOf, type Encoding } from './text.ts';
export { readList, readObject, repeatedKey } from './json.ts';
export { readRecords } from './jsonl.ts';
export type { ReadOptions } from './options.ts';
export { recboleOrder } from './atomic.ts';
export { readDomain } from './read.ts';
export { leaveOneOut, type Split } from './split.ts';
export { protocolNames, protocolSettings } from './protocolFile.ts';
export {
  defaultShare,
  sharesProblem,
  splitDomain,
  type Protocol,
  type ProtocolSeed,
  type ProtocolShares,
  type ProtocolTimes,
} from './protocols.ts';
export { readLists, type ListForm, type UserLists } from './listFile.ts';
export { targetsByUser, type UserTargets } from './userTargets.ts';
export { missingWords } from './sequences.ts';
export { batches, batchCount, defaultEdges, splitByLength, type BatchOptions } from './batches.ts';
export { writeAtomicDomain, writeJsonlDomain, type WriteReport } from './write.ts';
export { NumpyRandom } from './numpyRandom.ts';
export {
  domainStatistics,
  gini,
  popularityEdges,
  quantile,
  summariseLengths,
  type DomainStatistics,
  type LengthSummary,
} from './statistics.ts';
export { openZip, type ZipArchive, type ZipEntry } from './zip.ts';
