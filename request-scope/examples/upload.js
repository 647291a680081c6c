// An upload: multer reads the body, and then the scope opens. Node sees no hang-up behind a body that nobody reads.
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import express from 'express';
import multer from 'multer';
import { causeOf, GracefulShutdown, withTimeout } from 'request-scope';
import { scopeOf, scopes } from 'request-scope/express';
import { buildReport } from './report.js';

const shutdown = new GracefulShutdown();
const app = express();
app.use(scopes({ shutdown }));

const upload = multer({ dest: 'uploads', limits: { fileSize: 10_000_000 } });

app.post('/report', upload.single('file'), async (req, res) => {
  if (!req.file) return res.status(400).send('send a file');
  const scope = scopeOf(res);
  try {
    const report = await withTimeout(scope, 5_000, ({ signal }) =>
      buildReport(signal, req.query.ms),
    );
    res.send(`${report} of ${req.file.size} bytes`);
  } finally {
    await rm(req.file.path);
  }
});

// If the client leaves in the middle of its file, multer removes the file and fails with an error of its own.
app.use((error, _req, res, next) => {
  if (error instanceof multer.MulterError) return res.status(400).send(error.message);
  const cause = causeOf(error, scopeOf(res));
  if (!cause) return next(error);
  console.log(`upload stopped: ${cause.message}`);
  res.status(cause.code === 'deadline-exceeded' ? 504 : 503).send(cause.message);
});

const server = createServer(app);
shutdown.attach(server);
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on port ${server.address().port}`);
});
process.on('SIGTERM', () => shutdown.drain(8_000));
