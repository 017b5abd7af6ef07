/** What items of the sample world can be about: words, a hue and a drawn motif, the same in every domain. */
export interface Theme {
  /** Name, for people. */
  readonly name: string;
  /** Adjectives that titles and texts use. */
  readonly adjectives: readonly string[];
  /** Nouns that titles and texts use. */
  readonly nouns: readonly string[];
  /** Hue of the pictures, in degrees. */
  readonly hue: number;
}

/** How an item looks: mostly seen in its picture, mentioned in only some texts. */
export interface Style {
  /** Name, for people. */
  readonly name: string;
  /** How a text mentions it. */
  readonly phrase: string;
  /** Lightness of the picture's ground, 0..1. */
  readonly ground: number;
  /** Saturation of the picture, 0..1. */
  readonly saturation: number;
}

/** A domain of the sample world before it is filled. */
export interface DomainPlan {
  /** Directory and domain name. */
  readonly name: string;
  /** Whether studies pre-train on it or carry over to it. */
  readonly role: 'source' | 'target';
  /** What the catalogue sells: `[noun, how a text opens]`. */
  readonly products: readonly (readonly [string, string])[];
  /** N: items. */
  readonly items: number;
  /** Share of the persons that shop here. */
  readonly visits: number;
  /** Mean length of a sequence. */
  readonly meanLength: number;
}

/** The themes. An item's successor theme (see `sequences.ts`) is the next one in this list. */
export const themes: readonly Theme[] = [
  {
    name: 'space',
    hue: 250,
    adjectives: ['silent', 'orbital', 'lunar', 'starry', 'interstellar'],
    nouns: ['planet', 'galaxy', 'rocket', 'astronaut', 'comet', 'telescope', 'nebula', 'satellite'],
  },
  {
    name: 'robots',
    hue: 200,
    adjectives: ['mechanical', 'electric', 'clever', 'metal', 'automatic'],
    nouns: ['robot', 'circuit', 'machine', 'android', 'engine', 'laboratory', 'drone', 'inventor'],
  },
  {
    name: 'detectives',
    hue: 35,
    adjectives: ['mysterious', 'secret', 'vanished', 'suspicious', 'hidden'],
    nouns: ['detective', 'murder', 'clue', 'witness', 'alibi', 'thief', 'inspector', 'fingerprint'],
  },
  {
    name: 'pirates',
    hue: 10,
    adjectives: ['salty', 'sunken', 'lawless', 'stolen', 'daring'],
    nouns: ['pirate', 'treasure', 'ship', 'captain', 'island', 'cannon', 'compass', 'parrot'],
  },
  {
    name: 'ocean',
    hue: 185,
    adjectives: ['deep', 'blue', 'tidal', 'coral', 'drifting'],
    nouns: ['whale', 'reef', 'dolphin', 'wave', 'octopus', 'lighthouse', 'submarine', 'shark'],
  },
  {
    name: 'forest',
    hue: 120,
    adjectives: ['mossy', 'green', 'whispering', 'ancient', 'wild'],
    nouns: ['forest', 'oak', 'fox', 'deer', 'mushroom', 'owl', 'river', 'wolf'],
  },
  {
    name: 'gardens',
    hue: 90,
    adjectives: ['blooming', 'fragrant', 'sunny', 'tender', 'leafy'],
    nouns: ['garden', 'rose', 'tulip', 'greenhouse', 'bee', 'butterfly', 'orchard', 'seed'],
  },
  {
    name: 'kitchen',
    hue: 25,
    adjectives: ['spicy', 'sweet', 'crunchy', 'homemade', 'buttery'],
    nouns: ['kitchen', 'chef', 'bread', 'soup', 'cake', 'recipe', 'market', 'lemon'],
  },
  {
    name: 'jazz',
    hue: 290,
    adjectives: ['smoky', 'swinging', 'late-night', 'mellow', 'improvised'],
    nouns: ['trumpet', 'piano', 'singer', 'saxophone', 'band', 'melody', 'club', 'record'],
  },
  {
    name: 'dance',
    hue: 325,
    adjectives: ['graceful', 'spinning', 'rhythmic', 'velvet', 'twirling'],
    nouns: ['dancer', 'ballet', 'stage', 'tango', 'costume', 'theatre', 'carnival', 'waltz'],
  },
  {
    name: 'mountains',
    hue: 215,
    adjectives: ['frozen', 'steep', 'snowy', 'lonely', 'windy'],
    nouns: ['mountain', 'glacier', 'climber', 'summit', 'avalanche', 'cabin', 'ski', 'valley'],
  },
  {
    name: 'dragons',
    hue: 355,
    adjectives: ['enchanted', 'fiery', 'cursed', 'legendary', 'magic'],
    nouns: ['dragon', 'wizard', 'castle', 'sword', 'kingdom', 'knight', 'spell', 'throne'],
  },
];

/** The styles. */
export const styles: readonly Style[] = [
  { name: 'dark', phrase: 'in a dark, moody look', ground: 0.16, saturation: 0.55 },
  { name: 'vivid', phrase: 'in loud, vivid colours', ground: 0.5, saturation: 0.95 },
  { name: 'pastel', phrase: 'in soft pastel tones', ground: 0.82, saturation: 0.55 },
  { name: 'plain', phrase: 'with a plain, minimal cover', ground: 0.94, saturation: 0.15 },
];

/** The domains: three sources with many users, two small targets. */
export const domainPlans: readonly DomainPlan[] = [
  {
    name: 'books',
    role: 'source',
    items: 240,
    visits: 0.6,
    meanLength: 9,
    products: [
      ['novel', 'A novel about'],
      ['atlas', 'An illustrated atlas of'],
      ['anthology', 'Short stories about'],
    ],
  },
  {
    name: 'films',
    role: 'source',
    items: 220,
    visits: 0.5,
    meanLength: 9,
    products: [
      ['film', 'A feature film about'],
      ['documentary', 'A documentary on'],
      ['series', 'A television series about'],
    ],
  },
  {
    name: 'games',
    role: 'source',
    items: 200,
    visits: 0.45,
    meanLength: 8,
    products: [
      ['board game', 'A board game for the family with'],
      ['card game', 'A quick card game of'],
      ['video game', 'A video game full of'],
    ],
  },
  {
    name: 'posters',
    role: 'target',
    items: 160,
    visits: 0.28,
    meanLength: 5.5,
    products: [
      ['poster', 'A wall poster showing'],
      ['print', 'A framed print of'],
      ['calendar', 'A calendar with pictures of'],
    ],
  },
  {
    name: 'puzzles',
    role: 'target',
    items: 140,
    visits: 0.24,
    meanLength: 5.5,
    products: [
      ['puzzle', 'A jigsaw puzzle of'],
      ['model kit', 'A model kit to build'],
      ['sticker book', 'A sticker book with'],
    ],
  },
];
