import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { readConfigurationFile, readSignerConfig } from '../../src/shell/configuration.ts'
import { storeOf } from '../../src/commands/verify.ts'

afterEach(() => vi.unstubAllEnvs())

test('what the process is told by its environment, the offline commands are told too', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-configuration-'))
  const path = join(directory, 'signer.yaml')
  writeFileSync(path, 'keystore: { file: ./keystore.json }\ntokenFile: ./token\n')
  writeFileSync(join(directory, 'token'), 'token\n')
  writeFileSync(join(directory, 'keystore.json'), '{}')
  vi.stubEnv('LOCKKEEPER_SIGNER_DATA_DIRECTORY', './memory')
  expect(await readSignerConfig(path)).toMatchObject({ dataDirectory: join(directory, 'memory') })
  expect(storeOf(await readConfigurationFile(path), null).directory).toBe(join(directory, 'memory'))
  vi.stubEnv('LOCKKEEPER_SIGNER_DATA_DIRECTORIES', './memory')
  await expect(readSignerConfig(path)).rejects.toThrow(
    'signer.yaml: LOCKKEEPER_SIGNER_DATA_DIRECTORIES: there is no key DATA_DIRECTORIES',
  )
})
