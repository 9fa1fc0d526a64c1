/** The processes that tests start are the compiled command, as an operator has it; so it is compiled before all tests. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

export default function setup(): void {
  const { status } = spawnSync(process.execPath, [join('scripts', 'build.mjs')], { stdio: 'inherit' })
  if (status !== 0) throw new Error('the command could not be compiled')
}
