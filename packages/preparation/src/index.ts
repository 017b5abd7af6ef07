export { prepare, stepLine, type PrepareConsole, type PrepareOptions } from './prepare.ts';
export { settingsSchema, type Settings } from './settings.ts';
export type { Counts, Input, Provenance, Step } from './provenance.ts';
export type { EngineOptions } from './engine.ts';
export { loadSettings, parseSplit, withFlags, type Flags } from './flags.ts';
export { presets, type Preset, type PresetName } from './presets.ts';
export { prepareCard, unexpected, type CardOptions } from './prepareCard.ts';
export { cardNames, chooseCard, loadCard, type Card, type CardFile, type ChosenCard } from './cards.ts';
export { leaks, type Leak, type Shared } from './leakage.ts';
