import type { ExtractionProgress, Modality } from '@ferry/features';
import type { ModelRegistry } from '@ferry/recipes';
import type { AnyModel } from './anyModel.ts';
import type { Output } from '@ferry/training';

/** Where a job talks. */
export interface JobConsole {
  /** Takes a line of the job's result. */
  readonly line: (text: string) => void;
  /** Told while features are made. */
  readonly features?:
    ((domain: string, modality: Modality, progress: ExtractionProgress) => void) | undefined;
  /** Where training shows its progress; null for nowhere. */
  readonly training: Output | null;
  /** Columns of the terminal that lines go to; undefined where there is none. */
  readonly columns?: number;
  /** The models that recipes can name. */
  readonly models: ModelRegistry<AnyModel>;
  /** The command that resumes the job. */
  readonly resumeCommand?: string;
  /** Whether a run whose newest checkpoint is damaged goes on from the one before. Default false: an error. */
  readonly fallback?: boolean;
  /** Saves and stops when aborted. */
  readonly signal?: AbortSignal;
}

/** A job that someone stopped; what it had done is saved. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/** An output that passes on what is redrawn and drops the lines that would stay. */
export function redrawnOnly(output: Output | null): Output | null {
  if (output?.isTTY !== true) return null;
  return {
    isTTY: true,
    columns: output.columns,
    write: (text) => (text.startsWith('\r') ? output.write(text) : true),
  };
}
