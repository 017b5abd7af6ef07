/** How {@link readDomain} reads a directory. */
export interface ReadOptions {
  /** Name of the domain. Default: the directory's name. */
  name?: string | undefined;
  /**
   * Users with fewer than 3 interactions cannot give a training history, a validation and a test item. 'drop'
   * (the default) leaves them out and says how many in {@link Domain.warnings}; 'error' refuses the file.
   */
  shortUsers?: 'drop' | 'error' | undefined;
}

/** {@link ReadOptions} with every default filled in. */
export interface ResolvedReadOptions {
  /** Name of the domain. */
  name: string;
  /** What happens to users with fewer than 3 interactions. */
  shortUsers: 'drop' | 'error';
}
