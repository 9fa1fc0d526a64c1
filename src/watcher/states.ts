/** The words that the API has for where an instance stands. */
import type { WatcherKind } from '../../machines/ids.ts'
import { watcherMachines } from '../orchestrator/machines.ts'

/** The states that instances of a kind can be in, as the API names them. */
export const statesOf = (kind: WatcherKind): string[] =>
  Object.keys(watcherMachines[kind]!.states).filter(state => state !== 'absent')
