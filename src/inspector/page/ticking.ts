/** The present, for what says how long ago something was. */
import { signal } from '@preact/signals'

const TICK_MS = 1000

/** Milliseconds since 1970 UTC, brought up to date each second while the page is seen. */
export const now = signal(Date.now())

setInterval(() => {
  if (!document.hidden) now.value = Date.now()
}, TICK_MS)
