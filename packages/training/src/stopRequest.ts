/** Tells whether someone asked training to stop. */
export interface StopRequest {
  /** Who asked: a signal's name or `abort`; undefined while nobody did. */
  reason(): string | undefined;
  /** Stops listening. */
  dispose(): void;
}

const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * Listens for SIGINT, SIGTERM and an abort signal. The first only sets the request, so that the step at work can
 * finish; a second signal ends the process at once, as if nobody listened.
 *
 * @param onRequest - Called once, at the first.
 */
export function listenForStop(
  handleSignals: boolean,
  abort: AbortSignal | undefined,
  onRequest: (reason: string) => void,
): StopRequest {
  let reason: string | undefined;
  const request = (name: string): void => {
    if (reason !== undefined) return;
    reason = name;
    onRequest(name);
  };
  const onSignal = (name: NodeJS.Signals): void => {
    if (reason === undefined) {
      request(name);
      return;
    }
    dispose();
    process.kill(process.pid, name);
  };
  const onAbort = (): void => {
    request('abort');
  };
  const dispose = (): void => {
    for (const name of signals) process.off(name, onSignal);
    abort?.removeEventListener('abort', onAbort);
  };
  if (handleSignals) for (const name of signals) process.on(name, onSignal);
  abort?.addEventListener('abort', onAbort);
  if (abort?.aborted) onAbort();
  return { reason: () => reason, dispose };
}
