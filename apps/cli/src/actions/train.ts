// What `ferry train` loads when it is run, besides the model.
export { runJob } from '@ferry/studies';
