import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { makeDirectory } from '@ferry/data';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { UserError } from '@ferry/recipes';

/** A value of a result row. */
export type Value = string | number | bigint | boolean | null;

/** How much of the machine a preparation may take. */
export interface EngineOptions {
  /** What DuckDB may hold in memory before it goes to disk, such as `2GB`. Default 2GB. */
  memory?: string;
  /** Threads. Default: those the machine has. */
  threads?: number;
}

/** DuckDB on a file of its own: tables larger than memory stay on disk. */
export interface Engine {
  /** Runs a statement. */
  run: (sql: string) => Promise<void>;
  /** All rows of a query that has few. */
  rows: (sql: string) => Promise<Value[][]>;
  /** The only row of a query. */
  row: (sql: string) => Promise<Value[]>;
  /** The rows of a query, by columns, block by block: any number of them, on a connection of its own. */
  stream: (sql: string) => AsyncGenerator<Value[][]>;
  /** Stops the statement that is running; it throws. */
  interrupt: () => void;
  /** Frees everything; the files are the caller's to remove. */
  close: () => void;
}

/** A text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as an SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** More threads than any machine has use for only take time to start. */
const mostThreads = 1024;

/** Opens DuckDB with a database in a directory. */
async function openDatabase(
  directory: string,
  { memory = '2GB', threads = availableParallelism() }: EngineOptions,
): Promise<{ instance: DuckDBInstance; main: DuckDBConnection; open: DuckDBConnection[] }> {
  makeDirectory(directory);
  const instance = await DuckDBInstance.create(join(directory, 'tables.duckdb'), {
    memory_limit: memory,
    threads: String(threads),
    temp_directory: join(directory, 'spill'),
    // Nothing is loaded or fetched that is not in the package.
    autoinstall_known_extensions: 'false',
  });
  const main = await instance.connect();
  await main.run("SET GLOBAL TimeZone = 'UTC'");
  return { instance, main, open: [main] };
}

/**
 * DuckDB with a database in a directory. It is opened by the first statement, so that files which are refused at a first
 * look cost no database.
 *
 * @param directory - Holds the database and what does not fit into memory.
 * @throws UserError if the size of memory is none.
 */
export function createEngine(directory: string, options: EngineOptions = {}): Engine {
  const { memory, threads } = options;
  if (threads !== undefined && threads > mostThreads)
    throw new UserError(`threads must be at most ${mostThreads}, got ${threads}`);
  if (memory !== undefined && !/^\d+(?:\.\d+)?\s*(?:%|B|bytes|[KMGT]i?B)$/i.test(memory.trim()))
    throw new UserError(`memory must be a size such as 2GB, got ${JSON.stringify(memory)}`);
  let opening: ReturnType<typeof openDatabase> | undefined;
  let database: Awaited<ReturnType<typeof openDatabase>> | undefined;
  const opened = async () => (database = await (opening ??= openDatabase(directory, options)));
  const told = async <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      const [first] = (error as Error).message.split('\n', 1);
      if (!first!.startsWith('Out of Memory Error')) throw error;
      throw new UserError(
        `--memory ${memory ?? '2GB'} is too little for this: give more, or fewer --threads (${first!})`,
      );
    });
  const rows = async (sql: string): Promise<Value[][]> =>
    (await told((await told(opened())).main.runAndReadAll(sql))).getRows() as Value[][];
  return {
    run: async (sql) => {
      await told((await told(opened())).main.run(sql));
    },
    rows,
    row: async (sql) => (await rows(sql))[0]!,
    stream: async function* (sql) {
      const { instance, open } = await opened();
      const connection = await instance.connect();
      open.push(connection);
      try {
        const result = await connection.stream(sql);
        for (;;) {
          const chunk = await result.fetchChunk();
          if (!chunk || chunk.rowCount === 0) break;
          yield chunk.getColumns() as Value[][];
        }
      } finally {
        connection.closeSync();
        open.splice(open.indexOf(connection), 1);
      }
    },
    interrupt: () => {
      for (const connection of database?.open ?? []) connection.interrupt();
    },
    close: () => {
      for (const connection of database?.open ?? []) connection.closeSync();
      database?.instance.closeSync();
    },
  };
}
