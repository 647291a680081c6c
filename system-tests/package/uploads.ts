import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openRaw } from '../../harness/clients.ts';
import { scene } from '../support/scene.ts';
import type { RunningExample } from './served-examples.ts';

const FILE_BYTES = 1_000_000;

/** Sends a file. */
export function upload(url: string, ms: number, init: RequestInit): Promise<Response> {
  const body = new FormData();
  body.set('file', new Blob([Buffer.alloc(FILE_BYTES)]), 'file');
  return fetch(`${url}/report?ms=${ms}`, { ...init, method: 'POST', body });
}

const HEAD = [
  'POST /report HTTP/1.1',
  'Host: localhost',
  'Content-Type: multipart/form-data; boundary=cut',
  `Content-Length: ${FILE_BYTES}`,
  '',
  '--cut',
  'Content-Disposition: form-data; name="file"; filename="file"',
  '',
  '',
].join('\r\n');

/** Tests that nothing is left of a file whose client hangs up in the middle of it, or was answered. */
export function cutUpload(running: () => RunningExample): void {
  const kept = () => readdir(join(running().folder, 'uploads'));

  scene('a client hangs up in the middle of its file', 'nothing is left of it', async () => {
    const { url, logged } = running();
    const { socket } = await openRaw(Number(new URL(url).port), HEAD + 'x'.repeat(FILE_BYTES / 2));
    await expect.poll(kept).toHaveLength(1);
    socket.destroy();
    await logged('upload stopped: client disconnected');
    await expect.poll(kept).toEqual([]);
    return 'the folder of uploads is empty';
  });
}
