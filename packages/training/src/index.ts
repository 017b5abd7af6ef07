export type { Split, StateArray, StepContext, StepResult, TrainableModel } from './model.ts';
