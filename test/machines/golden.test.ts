/** Whatever a released version has stored is brought up to the present one. */
import { describe, expect, test } from 'vitest'
import { upgradeOf } from '../../src/kernel/migration.ts'
import { restore, versionOf, type Machines } from '../../src/kernel/step.ts'
import { watcherMachines as watchersMachines } from '../../src/orchestrator/machines.ts'
import { signerMachines as signersMachines } from '../../src/signer/memory/machines.ts'
import { goldens } from './golden.ts'
import { flat } from './table.ts'

const machines: Machines = { ...watchersMachines, ...signersMachines }

test('every version of every machine has left golden images, and nothing else has', () => {
  const versions = Object.entries(machines).flatMap(([kind, machine]) =>
    Array.from({ length: versionOf(machine) }, (_, n) => `${kind} ${n + 1}`),
  )
  expect(goldens.map(({ kind, version }) => `${kind} ${version}`).sort()).toEqual(versions.sort())
})

describe.each(goldens)('$kind, version $version', ({ kind, version, images }) => {
  const machine = machines[kind]!
  const present = goldens.find(golden => golden.kind === kind && golden.version === versionOf(machine))!
  const fieldsIn = (value: string) => Object.keys(present.images.find(image => image.value === value)!.context).sort()

  test.each(images)('$value becomes a state of the present version, with the fields that it stores there', image => {
    const upgraded = upgradeOf(machines)(image)
    if (version === versionOf(machine)) expect(upgraded).toBe(image)
    expect(upgraded.version).toBe(versionOf(machine))
    expect(flat(restore(machine, upgraded).value)).toBe(upgraded.value)
    expect(Object.keys(upgraded.context).sort()).toEqual(fieldsIn(upgraded.value))
    const { value: _, context: __, version: ___, ...kept } = image
    expect(upgraded).toMatchObject(kept)
  })
})
