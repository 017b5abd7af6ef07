// What `ferry import missrec` loads when it is run, and nothing else.
export { importMissRec } from '@ferry/transfer-study';
