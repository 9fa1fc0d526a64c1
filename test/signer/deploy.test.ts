/** The systemd units: what they promise, and what systemd itself says of them. */
import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const UNITS = ['lockkeeper-signer.service', 'lockkeeper-watcher.service']
/** By timer, of either process. */
const BACKUP = ['lockkeeper-backup@.service', 'lockkeeper-backup@.timer']
const COMMON = [
  'NoNewPrivileges=yes',
  'ProtectSystem=strict',
  'ProtectHome=yes',
  'PrivateTmp=yes',
  'PrivateDevices=yes',
  'PrivateMounts=yes',
  'CapabilityBoundingSet=',
  'LimitCORE=0',
  'IPAddressDeny=any',
  'RestrictNamespaces=yes',
  'SystemCallArchitectures=native',
  'SystemCallFilter=@system-service',
  'UMask=0077',
]
const SIGNER = ['PrivateNetwork=yes', 'RestrictAddressFamilies=AF_UNIX', 'MemorySwapMax=0']
/** Of systemd-analyze security: 0 is shut, 10 is open, an ordinary service has 9.6. */
const MOST_EXPOSED = { 'lockkeeper-signer.service': 0.5, 'lockkeeper-watcher.service': 1.5 } as const
/** With a network, for a watcher on another machine. */
const MOST_EXPOSED_REMOTE = 1.5

const linesOf = async (name: string) => (await readFile(join('deploy', name), 'utf8')).split('\n')

describe('the units in deploy/', () => {
  test('are all tested here', async () => {
    expect((await readdir('deploy')).sort()).toEqual([...BACKUP, ...UNITS, 'monitoring', 'mutual-tls.conf'].sort())
  })

  test.each(UNITS)('%s is hardened', async name => {
    const lines = await linesOf(name)
    for (const directive of COMMON) expect(lines).toContain(directive)
    expect(lines.filter(line => /^(AmbientCapabilities|CapabilityBoundingSet)=./.test(line))).toEqual([])
  })

  test('the signer has no network, and a watcher elsewhere opens it for one address only', async () => {
    const lines = await linesOf('lockkeeper-signer.service')
    for (const directive of SIGNER) expect(lines).toContain(directive)
    expect(lines.filter(line => line.startsWith('IPAddressAllow'))).toEqual([])
    expect(lines.filter(line => line.startsWith('Environment'))).toEqual([])
    const remote = await linesOf('mutual-tls.conf')
    expect(remote).toContain('IPAddressDeny=any')
    expect(remote.filter(line => line.startsWith('IPAddressAllow='))).toHaveLength(1)
  })

  test.each(UNITS)('%s says why V8 cannot have MemoryDenyWriteExecute', async name => {
    const lines = await linesOf(name)
    expect(lines.some(line => line.startsWith('MemoryDenyWriteExecute'))).toBe(false)
    expect(lines.join('\n')).toMatch(/Not set: MemoryDenyWriteExecute/)
  })
})

describe('systemd', () => {
  let directory = ''
  beforeAll(async () => {
    const { error } = spawnSync('systemd-analyze', ['--version'])
    if (error) throw new Error('this test needs systemd-analyze: apt-get install systemd')
    directory = await mkdtemp(join(tmpdir(), 'units-'))
    for (const name of [...UNITS, ...BACKUP]) {
      // Node is where it is on this machine; what it runs is judged elsewhere.
      const text = (await linesOf(name)).join('\n').replaceAll('/usr/bin/node', process.execPath)
      await writeFile(join(directory, name), text)
    }
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  test.each(UNITS)('finds nothing wrong with %s', name => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', join(directory, name)], {
      encoding: 'utf8',
    })
    expect(stdout + stderr).toBe('')
    expect(status).toBe(0)
  })

  test('finds nothing wrong with the backup and its timer', () => {
    const names = BACKUP.map(name => join(directory, name))
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', ...names], { encoding: 'utf8' })
    expect([status, stdout + stderr]).toEqual([0, ''])
  })

  const exposureOf = (name: string): number => {
    const args = ['security', '--offline=true', '--no-pager', join(directory, name)]
    const { stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
    const exposure = /Overall exposure level[^:]*: ([\d.]+)/.exec(stdout)?.[1]
    if (exposure === undefined) throw new Error(stdout + stderr)
    return Number(exposure)
  }

  test.each(UNITS)('calls the exposure of %s low', name => {
    expect(exposureOf(name)).toBeLessThanOrEqual(MOST_EXPOSED[name as keyof typeof MOST_EXPOSED])
  })

  test('finds nothing wrong with mutual-tls.conf, which leaves the signer little more exposed', async () => {
    const [signer] = UNITS
    const beside = join(directory, `${signer}.d`)
    const alone = exposureOf(signer!)
    await mkdir(beside)
    await copyFile(join('deploy', 'mutual-tls.conf'), join(beside, 'mutual-tls.conf'))
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', join(directory, signer!)], {
      encoding: 'utf8',
    })
    const remote = exposureOf(signer!)
    await rm(beside, { recursive: true })
    expect([status, stdout + stderr]).toEqual([0, ''])
    expect(remote).toBeGreaterThan(alone)
    expect(remote).toBeLessThanOrEqual(MOST_EXPOSED_REMOTE)
  })
})
