/** How {@link readDomain} reads a directory. */
export interface ReadOptions {
  /** Name of the domain. Default: the directory's name. */
  name?: string;
  /**
   * Users with fewer than 3 interactions cannot give a training history, a validation and a test item. 'keep' (the
   * default) keeps their sequence without any row and says how many there are in {@link Domain.warnings}; 'error' refuses
   * the file.
   */
  shortUsers?: 'keep' | 'error';
}

/** {@link ReadOptions} with every default filled in. */
export interface ResolvedReadOptions {
  /** Name of the domain. */
  name: string;
  /** What happens to users with fewer than 3 interactions. */
  shortUsers: 'keep' | 'error';
}
