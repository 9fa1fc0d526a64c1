/** A signer as a process in an empty network namespace, reached over its Unix socket. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CLI } from '../nodes/daemon.ts'
import { inTime } from '../patience.ts'
import * as rigs from './rig.ts'

/** util-linux; as an ordinary user it needs user namespaces. */
const namespaced = process.getuid?.() === 0 ? ['--net'] : ['--net', '--map-root-user']

function requireUnshare(): void {
  const { status, error, stderr } = spawnSync('unshare', [...namespaced, 'true'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`this test needs unshare(1) and network namespaces: ${error?.message ?? stderr}`)
}

export interface Isolated {
  child: ChildProcess
  socket: string
  /** The line that says it serves. */
  ready: string
  /** Everything it wrote, on stdout and stderr. */
  output: () => string
  /** SIGTERM; the exit status. */
  stop: () => Promise<number | null>
}

/** @param program what Node runs: the command, or the bundle */
export async function startIsolated(
  rig: rigs.Rig,
  program = CLI,
  environment: Record<string, string> = {},
): Promise<Isolated> {
  requireUnshare()
  const socket = join(rig.directory, 'signer.sock')
  const config = join(rig.directory, 'signer.yaml')
  const keys = `listen: unix:${socket}\ndataDirectory: ./memory\nkeystore: { file: ./keystore.json }\ntokenFile: ./token`
  await writeFile(config, `${keys}\n${rigs.standard({})}`)
  const child = spawn('unshare', [...namespaced, process.execPath, program, 'signer', '--config', config], {
    env: { PATH: process.env.PATH, LOCKKEEPER_PASSPHRASE: rigs.PASSPHRASE, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const isOver = () => child.exitCode !== null || child.signalCode !== null
  const stop = async () => {
    child.kill('SIGTERM')
    if (!isOver()) await new Promise(resolve => child.once('exit', resolve))
    return child.exitCode
  }
  const serving = new Promise<string>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      text += chunk.toString()
      const line = /^lockkeeper signer ready on (.*)$/m.exec(text)?.[1]
      if (line !== undefined) resolve(line)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('exit', code => reject(new Error(`ended with ${code}: ${text}`)))
  })
  const ready = await inTime(serving, () => `the signer starts: ${text}`).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  return { child, socket, ready, output: () => text, stop }
}
