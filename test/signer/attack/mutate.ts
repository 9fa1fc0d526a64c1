/** Attacks every mutant, and says which of them the books notice. */
import { register } from 'node:module'
import type * as attacks from './attack.ts'
import type { HookData } from './hooks.ts'
import { MUTANTS, type Mutant } from './mutants.ts'

export interface Trial {
  mutant: Mutant
  /** Null when nothing was noticed. */
  message: string | null
  /** Until then. */
  templates: number
}

/** Of the built program: this file stands in `dist/test/signer/attack/`. */
const ROOT = new URL('../../../', import.meta.url).href

/** In turn, each with so many templates at most; aimed, only with those that are its own. Rejects when a mutant's text is not found: it tests nothing then. */
export async function* attackMutants(
  runs: number,
  seed: number,
  isAimed: boolean,
  isWanted: (mutant: Mutant) => boolean = () => true,
): AsyncGenerator<Trial> {
  const data: HookData = { root: ROOT, mutants: MUTANTS }
  register('./hooks.js', import.meta.url, { data })
  for (const [number, mutant] of MUTANTS.entries()) {
    if (!isWanted(mutant)) continue
    const { attack } = (await import(`./attack.js?mutant=${number}`)) as typeof attacks
    const { figures, violation } = await attack({
      side: mutant.side ?? 'bitcoin',
      runs,
      seed,
      ...(isAimed ? { kinds: mutant.aims } : {}),
    })
    yield { mutant, message: violation?.message ?? null, templates: figures.templates }
  }
}
