import { beforeEach, expect, test } from 'vitest'
import { loadWatcherConfig } from '../../src/config.ts'
import { knownChains, refuseForgotten } from '../../src/watcher/forgotten-chains.ts'
import { createRig, openChain, type Rig } from '../orchestrator/rig.ts'

let rig: Rig
const start = (yaml: string) => () => refuseForgotten(loadWatcherConfig(yaml, '/'), rig.orchestrator.memory)
const chain = (name: string) =>
  `${name}: { family: bitcoin, network: litecoin-regtest, asset: LTC, node: { url: "http://127.0.0.1:1" } }`

beforeEach(async () => {
  rig = createRig()
  await openChain(rig)
})

test('a chain that the ledger knows is configured, or said to be left out', () => {
  expect(start(`chains: { ${chain('litecoin')} }`)).not.toThrow()
  expect(start(`chains: { ${chain('dogecoin')} }\nretired: [litecoin]`)).not.toThrow()
  expect(start(`chains: { ${chain('dogecoin')} }`)).toThrow(/litecoin.*retired: \[litecoin\]/)
})

test('filters know chains that are followed, and those that are retired', () => {
  expect(knownChains({ dogecoin: {} }, rig.orchestrator.memory)).toEqual(['dogecoin', 'litecoin'])
  expect(knownChains({ litecoin: {} }, rig.orchestrator.memory)).toEqual(['litecoin'])
})

test('a configuration without chains watches nothing, and is refused', () => {
  expect(start('retired: [litecoin]')).toThrow(/none is configured/)
})
