/** What names may look like: they stand in paths, in ids and in files, so they hold nothing that separates there. */

/**
 * Chosen by the backend: references and withdrawal ids. Also every parameter of a path, so neither `.` nor `..`, which whatever
 * stands before the server takes out of a path (RFC 3986, section 5.2.4).
 */
export const NAME = /^(?!\.{1,2}$)[A-Za-z0-9._:~-]{1,128}$/
/** What is said of a name that is none. */
export const NAME_RULE = 'must match [A-Za-z0-9._:~-]{1,128} and be neither . nor ..'

/** A chain's, chosen in the configuration. No colon: ids are `<chain>:<the family's key>`, and must come apart again. */
export const CHAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,31}$/
