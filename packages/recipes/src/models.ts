import type { z } from 'zod';

/** What a model is made for: to be carried to another domain, or for the domain it is trained on. */
export type Task = 'pretrain' | 'finetune';

/** What a recipe says that settings of a model or an objective may depend on. */
export interface RecipeFacts {
  /** What the model is made for. */
  readonly task: Task;
  /** The modalities that items have features of, text before image. */
  readonly modalities: readonly string[];
  /** Those whose encoder is trained with the model. */
  readonly trained: readonly string[];
  /** Whether items have IDs. */
  readonly ids: boolean;
}

/** Takes what is wrong: keys within the settings, and the rule with what was found. */
export type Report = (key: readonly (string | number)[], message: string) => void;

/** What recipes need to know of an objective. */
export interface ObjectiveSchemas {
  /** Its settings, a zod object. */
  readonly options: z.ZodType;
  /** Rules between settings. */
  check?(settings: object, facts: RecipeFacts, problem: Report): void;
}

/** What recipes need to know of a model. */
export interface ModelSchemas {
  /** As `model.name` of a recipe has it. */
  readonly name: string;
  /** Its name for people. */
  readonly title: string;
  /** Its settings, a zod object. */
  readonly options: z.ZodType;
  /** Its objectives by name, the first the default. */
  readonly objectives: Readonly<Record<string, ObjectiveSchemas>>;
  /** The default objective of a task, where it is not the first. */
  readonly objectiveOf?: Readonly<Partial<Record<Task, string>>>;
  /** Dotted key of the setting that says whether items have IDs. */
  readonly idsAt?: string;
  /** The section `evaluation` of a training, where it is measured otherwise than by ranking items. */
  readonly evaluation?: z.ZodType;
  /** What each tuning leaves as it is. */
  readonly weights: { readonly tune: Readonly<Record<string, unknown>> };
  /** Settings of the recipe and what the data say, together. */
  complete?(settings: object, facts: { task: Task; featureWidths: Record<string, number> }): object;
  /** The modalities it reads. */
  modalities(options: object): readonly string[];
  /** Rules between settings. */
  check?(settings: object, facts: RecipeFacts, problem: Report): void;
}

/** The models that recipes can name. */
export interface ModelRegistry<M extends ModelSchemas = ModelSchemas> {
  /** The model of a recipe that names none. */
  readonly unnamed: string;
  /**
   * A model by its name.
   *
   * @throws UserError if there is none.
   */
  load(name: string): Promise<M>;
}

/** A record with the value at a dotted key replaced; what is on the way is copied. */
export function withValue(record: object, key: string, value: unknown): object {
  const [first, ...rest] = key.split('.') as [string, ...string[]];
  const own = (record as Record<string, unknown>)[first];
  const inner = typeof own === 'object' && own !== null ? own : {};
  return { ...record, [first]: rest.length > 0 ? withValue(inner, rest.join('.'), value) : value };
}

/** A section of a recipe without the name of what it sets. */
export function settingsIn(section: object): object {
  return Object.fromEntries(Object.entries(section).filter(([key]) => key !== 'name'));
}

/** Settings of a model with IDs switched on or off, where the model has a setting for that. */
export function withIds({ idsAt }: Pick<ModelSchemas, 'idsAt'>, settings: object, ids: boolean): object {
  return idsAt === undefined ? settings : withValue(settings, idsAt, ids);
}
