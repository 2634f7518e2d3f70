/**
 * The named groups of characters that RE2 knows: \\p{Name}, [:name:], \\d. In: a name. Out: its ranges within Latin-1, and whether it is negated; undefined
 * for a name that RE2 does not have. Source: RE2's syntax documentation; general categories and scripts are those of Unicode.
 */
import { LAST, type Range } from './char-class.ts'

export interface Group {
  readonly negated: boolean
  readonly ranges: readonly Range[]
}

const CATEGORIES = new Set(
  'C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Yi Z Zl Zp Zs'.split(' '),
)

const SCRIPTS = new Set(
  `
  Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo Brahmi Braille
  Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot
  Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian
  Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana
  Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi
  Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam
  Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi
  Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki
  Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage
  Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian
  Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet
  Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi
  Zanabazar_Square
`
    .trim()
    .split(/\s+/),
)

/** the scripts that have characters below 256 */
const LOW_SCRIPTS = new Set(['Latin', 'Common'])

export function unicodeRanges(name: string): readonly Range[] | undefined {
  if (name === 'Any') return [[0, LAST]]
  if (CATEGORIES.has(name)) return matching(new RegExp(`\\p{${name}}`, 'u'))
  if (!SCRIPTS.has(name)) return undefined
  return LOW_SCRIPTS.has(name) ? matching(new RegExp(`\\p{Script=${name}}`, 'u')) : []
}

function matching(pattern: RegExp): readonly Range[] {
  const runes = Array.from({ length: LAST + 1 }, (_, rune) => rune)
  return runes.filter((rune) => pattern.test(String.fromCharCode(rune))).map((rune) => [rune, rune])
}

const text = (letters: string): readonly Range[] => {
  const ranges: Range[] = []
  for (let at = 0; at < letters.length; at += 2) ranges.push([letters.charCodeAt(at), letters.charCodeAt(at + 1)])
  return ranges
}

const POSIX: Readonly<Record<string, readonly Range[]>> = {
  alnum: text('09AZaz'),
  alpha: text('AZaz'),
  ascii: text('\u0000\u007f'),
  blank: text('\t\t  '),
  cntrl: text('\u0000\u001f\u007f\u007f'),
  digit: text('09'),
  graph: text('!~'),
  lower: text('az'),
  print: text(' ~'),
  punct: text('!/:@[`{~'),
  space: text('\t\r  '),
  upper: text('AZ'),
  word: text('09AZ__az'),
  xdigit: text('09AFaf'),
}

/** "[:alpha:]" or "[:^alpha:]" */
export function posixGroup(name: string): Group | undefined {
  const [, caret, plain = ''] = /^\[:(\^?)([a-z]+):\]$/.exec(name) ?? []
  const ranges = Object.hasOwn(POSIX, plain) ? POSIX[plain] : undefined
  return ranges === undefined ? undefined : { negated: caret === '^', ranges }
}

const PERL: Readonly<Record<string, readonly Range[]>> = { d: text('09'), s: text('\t\n\f\r  '), w: text('09AZ__az') }

/** the letter behind the backslash */
export function perlGroup(letter: string): Group | undefined {
  const lower = letter.toLowerCase()
  const ranges = Object.hasOwn(PERL, lower) ? PERL[lower] : undefined
  return ranges === undefined ? undefined : { negated: letter !== lower, ranges }
}
