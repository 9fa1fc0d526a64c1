/**
 * A stored image outlives the code that wrote it. Each machine says, beside its definition, how an image of one version
 * becomes one of the next (`meta.migrations`, oldest first); an image is brought up whenever it is read, and is never
 * written again for that. So both daemons, and whoever reads old history, see images of the present version only.
 */
import { claim } from './untyped.ts'
import type { AnyStateMachine } from 'xstate'
import { type Id, kindOf } from '../../machines/ids.ts'
import type { Migration, Stored } from '../../machines/vocabulary.ts'
import type { Commit, Instance } from './entry.ts'
import { Fault, invariant, reasonOf } from './fault.ts'
import { isEnded, restore, versionOf, type Machines } from './step.ts'

/**
 * Answers the image as its machine's present version has it: the same object where it is of that version already. Throws
 * corruptStore `unknown-version` for one that only a newer Lockkeeper can read.
 */
export type Upgrade = (image: Instance) => Instance

const migrationsOf = (machine: AnyStateMachine): readonly Migration[] =>
  (machine.root.meta as { migrations?: readonly Migration[] } | undefined)?.migrations ?? []

const unknown = (id: Id, version: number, known: string): Fault =>
  new Fault(
    'corruptStore',
    'unknown-version',
    `${id} was written by version ${version} of its machine; this Lockkeeper knows ${known}: start the one that wrote it, or a newer`,
  )

/** Throws invariant `bad-migration` where a machine does not lead from its version 1 to its present one. */
export function upgradeOf(machines: Machines): Upgrade {
  const versions = new Map(Object.entries(machines).map(([kind, machine]) => [kind, checkedVersion(kind, machine)]))
  return image => {
    const kind = kindOf(image.id)
    const version = versions.get(kind)
    if (version === image.version) return image
    if (version === undefined) throw unknown(image.id, image.version, `no machine ${kind}`)
    const isEarlier = Number.isInteger(image.version) && image.version >= 1 && image.version < version
    if (!isEarlier) throw unknown(image.id, image.version, `version 1 to ${version}`)
    return migrate(machines[kind]!, image, version)
  }
}

/** The present version of each machine, in a word: what was derived from images as they were in another is derived again. */
export const versionsOf = (machines: Machines): string =>
  Object.entries(machines)
    .map(([kind, machine]) => `${kind}.${versionOf(machine)}`)
    .sort()
    .join(' ')

function checkedVersion(kind: string, machine: AnyStateMachine): number {
  const version = versionOf(machine)
  const count = migrationsOf(machine).length
  if (count === version - 1) return version
  throw invariant('bad-migration', `${kind} has version ${version}, and ${count} migrations that lead to it from 1`)
}

/** What the kernel keeps of an instance (its id, its numbers, whether it has ended) is no migration's business. */
function migrate(machine: AnyStateMachine, image: Instance, version: number): Instance {
  // What an older version has stored is not of the present types until it has been brought up.
  let stored = claim<Stored>({ value: image.value, context: image.context })
  for (const next of migrationsOf(machine).slice(image.version - 1)) stored = next(stored)
  const { value, context } = stored
  const upgraded = claim<Instance>({ ...image, version, value, context })
  if (endedAs(machine, upgraded) === image.ended) return upgraded
  throw invariant('bad-migration', `${image.id} has ${image.ended ? '' : 'not '}ended, which ${value} contradicts`)
}

function endedAs(machine: AnyStateMachine, image: Instance): boolean {
  try {
    return isEnded(restore(machine, image))
  } catch (error) {
    throw invariant('bad-migration', `${image.id} became ${image.value}: ${reasonOf(error)}`)
  }
}

/** The same commit with every image brought up. An entry's `to` follows its image; `from` stays as it was told then. */
export const upgradeCommit = (commit: Commit, upgrade: Upgrade): Commit => ({
  ...commit,
  entries: commit.entries.map(entry => {
    const image = upgrade(entry.image)
    return image === entry.image ? entry : { ...entry, image, to: image.value }
  }),
})
