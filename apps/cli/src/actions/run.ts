// What pretrain, finetune and study load when they are run.
export { runJob } from '@ferry/studies';
export { transferStudy } from '@ferry/transfer-study';
