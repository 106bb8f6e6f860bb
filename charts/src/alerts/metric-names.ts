const STRINGS_AND_MATCHERS = /"[^"]*"|\{[^}]*\}|\[[^\]]*\]/g
const LABEL_LISTS = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g
const WORDS = /[a-zA-Z_:][\w:]*\b(?!\s*\()/g
const OPERATORS = ['and', 'or', 'unless', 'bool', 'offset']

/** The names of metrics in a query: whatever is neither a function, an operator nor a label. */
export function metricsIn(query: string): readonly string[] {
  const bare = query.replace(STRINGS_AND_MATCHERS, '').replace(LABEL_LISTS, '')
  return [...new Set(bare.match(WORDS) ?? [])].filter((word) => !OPERATORS.includes(word))
}
