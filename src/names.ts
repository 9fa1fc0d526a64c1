/** What names may look like: they stand in paths, in ids and in files, so they hold nothing that separates there. */

/** Chosen by the backend: references and withdrawal ids. Also every parameter of a path. */
export const NAME = /^[A-Za-z0-9._:~-]{1,128}$/

/** A chain's, chosen in the configuration. No colon: ids are `<chain>:<the family's key>`, and must come apart again. */
export const CHAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,31}$/
