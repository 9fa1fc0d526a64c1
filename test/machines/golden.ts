/** What every released version of every machine has stored: golden/<kind>.v<version>.json, never changed and never removed. */
import { untypedInstance } from '../kernel/untyped.ts'
import { readdirSync, readFileSync } from 'node:fs'
import { idOf, type Kind } from '../../machines/ids.ts'
import type { Instance } from '../../src/kernel/entry.ts'

export interface Golden {
  kind: Kind
  version: number
  /** One of every state that is stored. */
  images: Instance[]
}

const FOLDER = new URL('golden/', import.meta.url)
const NAME = /^(?<kind>[a-z]+)\.v(?<version>[1-9]\d*)\.json$/

/** Some files hold whole images, and some only the contexts; of these, in which states an instance has ended. */
const ENDS = ['signed', 'voided', 'forgotten']

function imageOf(kind: Kind, version: number, value: string, stored: Instance | Instance['context']): Instance {
  if ('context' in stored) return stored
  const image = { id: idOf(kind, 'golden'), version, value, context: stored }
  return untypedInstance({ ...image, revision: 1, seq: 1, at: 1, entered: 1, ended: ENDS.includes(value) })
}

function read(name: string): Golden {
  const { kind, version: named } = NAME.exec(name)!.groups as { kind: Kind; version: string }
  const version = Number(named)
  const { states } = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as { states: Record<string, Instance> }
  return {
    kind,
    version,
    images: Object.entries(states).map(([value, stored]) => imageOf(kind, version, value, stored)),
  }
}

export const goldens: readonly Golden[] = readdirSync(FOLDER).map(read)
