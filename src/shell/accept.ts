/** `lockkeeper accept-signer`: the signer's later memory is lost for good, and its present one is taken as it is. */
import { join } from 'node:path'
import { boundary } from '../kernel/fault.ts'
import { acceptSigner } from '../watcher/signer-position.ts'
import { readWatcherConfig } from './configuration.ts'
import { isTaken } from './files.ts'
import { createPorts } from './ports.ts'
import { createRequest } from './request.ts'

/** @throws boundary `not-found` where there is no ledger; what `acceptSigner` throws */
export async function runAccept(configPath: string, out: (line: string) => void): Promise<void> {
  const config = await readWatcherConfig(configPath)
  if (!(await isTaken(join(config.dataDirectory, 'HEAD.json'))))
    throw boundary('not-found', `${config.dataDirectory} holds no ledger: nothing was seen of any signer`)
  const ports = createPorts('warn', createRequest())
  try {
    const seen = await acceptSigner(ports, config)
    if (seen === null) out('nothing was seen of any signer: its memory is taken as it is')
    else out(`forgotten: memory ${seen.sequence}, hash ${seen.hash}; the signer's memory is taken as it is`)
  } finally {
    ports.close()
  }
}
