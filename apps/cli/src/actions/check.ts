// What --check loads.
export { recipeYaml } from '@ferry/studies';
