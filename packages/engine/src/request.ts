/** A backend Ferry can train on; `auto` takes the fastest that works here. */
export type BackendName = 'auto' | 'ort' | 'tensorflow' | 'wasm' | 'cpu';

/** Where the `ort` backend computes; `auto` takes cuda where it is usable, else cpu. */
export type ProviderName = 'auto' | 'cpu' | 'cuda' | 'webgpu';

/** A backend, or `ort` with its execution provider. */
export type BackendSpec = BackendName | `ort:${ProviderName}`;

/** What to run tensors on, after options and environment variables were read. */
export interface BackendRequest {
  /** The backend. */
  backend: BackendName;
  /** The execution provider; none was named if undefined. */
  provider: ProviderName | undefined;
  /** Threads of one operation; none was named if undefined. */
  threads: number | undefined;
  /** Who asked, for errors and reasons: `selectBackend` or the environment variable. */
  asker: string;
}

const BACKENDS: readonly string[] = ['auto', 'ort', 'tensorflow', 'wasm', 'cpu'];
const PROVIDERS: readonly string[] = ['auto', 'cpu', 'cuda', 'webgpu'];

/**
 * Reads a request. `FERRY_BACKEND` stands in for `auto`, so that one variable moves a whole program while code that
 * names a backend (a parity test, a benchmark) keeps it; `FERRY_THREADS` counts where no number of threads is given.
 *
 * @param name - A backend, or `ort:<provider>`.
 * @param options - Provider and threads given in code.
 * @param environment - `process.env`.
 * @throws Error naming the argument or the variable, the rule and what was given.
 */
export function parseRequest(
  name: string,
  options: { provider?: string; threads?: number },
  environment: Readonly<Record<string, string | undefined>>,
): BackendRequest {
  const asked = parseSpec(name, 'selectBackend: name');
  const variable = environment['FERRY_BACKEND']?.trim();
  const overridden = asked.backend === 'auto' && variable;
  const { backend, provider } = overridden ? parseSpec(variable, 'FERRY_BACKEND') : asked;
  const asker = overridden ? `FERRY_BACKEND=${variable}` : 'selectBackend';
  const named = options.provider;
  if (named !== undefined && !PROVIDERS.includes(named))
    throw new Error(`selectBackend: provider must be one of ${PROVIDERS.join(', ')}, got '${named}'`);
  if (provider && named && named !== 'auto' && named !== provider && !overridden)
    throw new Error(`selectBackend: name and provider must agree, got '${name}' and '${named}'`);
  const chosen = provider ?? (named as ProviderName | undefined);
  if (chosen && chosen !== 'auto' && backend !== 'ort' && backend !== 'auto')
    throw new Error(
      `${asker}: execution providers belong to the backend ort, got '${chosen}' for ${backend}`,
    );
  return {
    // Only ort has providers, so naming one names the backend.
    backend: backend === 'auto' && chosen && chosen !== 'auto' ? 'ort' : backend,
    provider: chosen,
    threads: parseThreads(options.threads, environment),
    asker,
  };
}

function parseSpec(text: string, what: string): { backend: BackendName; provider: ProviderName | undefined } {
  const [backend, provider, ...rest] = text.split(':');
  const valid =
    BACKENDS.includes(backend!) &&
    rest.length === 0 &&
    (provider === undefined || (backend === 'ort' && PROVIDERS.includes(provider)));
  if (!valid)
    throw new Error(
      `${what} must be one of ${BACKENDS.join(', ')}, or ort:<provider> with ${PROVIDERS.join(', ')}, got '${text}'`,
    );
  return { backend: backend as BackendName, provider: provider as ProviderName | undefined };
}

function parseThreads(
  given: number | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): number | undefined {
  const variable = environment['FERRY_THREADS']?.trim();
  const [value, what] =
    given === undefined && variable ? [Number(variable), 'FERRY_THREADS'] : [given, 'selectBackend: threads'];
  if (value !== undefined && (!Number.isInteger(value) || value < 1))
    throw new Error(`${what} must be a positive integer, got ${given ?? `'${variable ?? ''}'`}`);
  return value;
}
