import type { DuchoOptions, DuchoResult } from './ducho/run.ts';

export type { DuchoOptions, DuchoResult };

/**
 * Runs a Ducho configuration: every section, model and layer. Writes Ducho's layout, one `.npy` of shape (1, F) an id under
 * `<output_path>/<backend>/<model>/<layer>/`, a `manifest.json` beside them, and Ferry's matrix `<layer>.npz`
 * (`features`, `ids`), by id. What is there already of the same weights, settings and inputs is not made again.
 *
 * @param file - Ducho's YAML.
 * @returns What was written, a folder each.
 * @throws RecipeError for a file that is none, InputError naming the model, column, picture or text at fault.
 */
export async function runDucho(file: string, options: DuchoOptions = {}): Promise<DuchoResult[]> {
  // Loaded here: whoever only reads features needs none of it.
  const { runConfig } = await import('./ducho/run.ts');
  return runConfig(file, options);
}
