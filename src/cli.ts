#!/usr/bin/env node
/** The binary. What it does is in commands/. */
import { launch } from './commands/launch.ts'

await launch(() => import('./commands/program.ts'))
