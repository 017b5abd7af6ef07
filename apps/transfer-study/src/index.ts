export { importMissRec } from './import.ts';
