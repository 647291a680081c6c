import { Socket } from 'node:net';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import Anthropic from '@anthropic-ai/sdk';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Client as Elasticsearch } from '@elastic/elasticsearch';
import { generateText, streamText } from 'ai';
import nodemailer from 'nodemailer';
import OpenAI from 'openai';

const apiKey = 'none';
const credentials = { accessKeyId: 'none', secretAccessKey: 'none' };
const messages = [{ role: 'user', content: 'What is the answer?' }];
const question = { model: 'm', messages };

export function sdks({ ports }) {
  const openai = ({ url: baseURL }) => ({ openai: new OpenAI({ apiKey, baseURL }), question });
  const anthropic = ({ url: baseURL }) => ({
    anthropic: new Anthropic({ apiKey, baseURL }),
    question: { ...question, max_tokens: 9 },
  });
  const streamed = (prepare) => (target) => {
    const { question, ...client } = prepare(target);
    return { ...client, question: { ...question, stream: true }, answer: [] };
  };
  const ai = ({ url: baseURL }) => {
    const provider = createOpenAICompatible({ name: 'far', baseURL });
    return { model: provider('m'), prompt: 'What is the answer?', answer: [] };
  };
  const s3 = ({ url }, more) => {
    const options = { region: 'none', endpoint: url, forcePathStyle: true, credentials, ...more };
    const command = new GetObjectCommand({ Bucket: 'bucket', Key: 'key' });
    return { s3: new S3Client(options), command };
  };
  const elasticsearch = ({ url }) => ({ client: new Elasticsearch({ node: url }) });
  const clients = [
    {
      package: 'openai',
      prepare: openai,
      call: ({ openai, question, signal }) => openai.chat.completions.create(question, { signal }),
      ownTimeouts: [
        {
          option: 'timeout',
          call: ({ openai, question, signal, timeoutMs }) => {
            const options = { signal, timeout: timeoutMs, maxRetries: 0 };
            return openai.chat.completions.create(question, options);
          },
        },
      ],
    },
    {
      package: 'openai',
      detail: 'before a retry',
      far: 'retry',
      prepare: openai,
      call: ({ openai, question, signal }) =>
        openai.chat.completions.create(question, { signal, maxRetries: 5 }),
    },
    {
      package: 'openai',
      detail: 'streaming',
      far: 'openaiStream',
      prepare: streamed(openai),
      call: async ({ openai, question, signal, answer }) => {
        const stream = await openai.chat.completions.create(question, { signal });
        for await (const chunk of stream) answer.push(chunk);
      },
    },
    {
      package: '@anthropic-ai/sdk',
      prepare: anthropic,
      call: ({ anthropic, question, signal }) => anthropic.messages.create(question, { signal }),
      ownTimeouts: [
        {
          option: 'timeout',
          call: ({ anthropic, question, signal, timeoutMs }) => {
            const options = { signal, timeout: timeoutMs, maxRetries: 0 };
            return anthropic.messages.create(question, options);
          },
        },
      ],
    },
    {
      package: '@anthropic-ai/sdk',
      detail: 'streaming',
      far: 'anthropicStream',
      prepare: streamed(anthropic),
      call: async ({ anthropic, question, signal, answer }) => {
        const stream = await anthropic.messages.create(question, { signal });
        for await (const event of stream) answer.push(event);
      },
    },
    {
      package: 'ai',
      detail: '`generateText`',
      prepare: ai,
      call: ({ model, prompt, signal }) => generateText({ model, prompt, abortSignal: signal }),
    },
    {
      package: 'ai',
      detail: '`streamText`',
      far: 'openaiStream',
      prepare: ai,
      call: async ({ model, prompt, signal, answer }) => {
        const { textStream } = streamText({ model, prompt, abortSignal: signal });
        for await (const text of textStream) answer.push(text);
      },
    },
    {
      package: '@aws-sdk/client-s3',
      prepare: s3,
      cleanUp: ({ s3 }) => s3.destroy(),
      call: async ({ s3, command, signal }) => {
        const { Body } = await s3.send(command, { abortSignal: signal });
        return await Body.transformToString();
      },
      ownTimeouts: [
        {
          option: 'requestTimeout',
          note: 'with `throwOnRequestTimeout: true`',
          prepare: ({ url, timeoutMs }) => {
            const requestHandler = { requestTimeout: timeoutMs, throwOnRequestTimeout: true };
            return s3({ url }, { requestHandler, maxAttempts: 1 });
          },
          call: ({ s3, command }) => s3.send(command),
        },
      ],
    },
    {
      package: '@elastic/elasticsearch',
      note: 'Without `maxRetries: 0` it waits a second or two before it rejects.',
      prepare: elasticsearch,
      cleanUp: ({ client }) => client.close(),
      call: ({ client, signal }) => client.search({ q: 'answer' }, { signal, maxRetries: 0 }),
      ownTimeouts: [
        {
          option: 'requestTimeout',
          call: ({ client, signal, timeoutMs }) =>
            client.search({ q: 'answer' }, { signal, requestTimeout: timeoutMs, maxRetries: 0 }),
        },
      ],
    },
    {
      package: 'nodemailer',
      far: 'smtp',
      prepare: () => ({
        server: { host: '127.0.0.1', port: ports.smtp },
        mail: { from: 'shop@example.org', to: 'you@example.org', text: 'Hello' },
      }),
      call: ({ server, mail, signal }) => {
        const transport = nodemailer.createTransport({ ...server, socket: new Socket({ signal }) });
        return transport.sendMail(mail);
      },
      ownTimeouts: [
        {
          option: 'socketTimeout',
          call: ({ server, mail, timeoutMs }) =>
            nodemailer.createTransport({ ...server, socketTimeout: timeoutMs }).sendMail(mail),
        },
      ],
    },
  ];
  return { title: 'SDKs', clients, close: () => {} };
}
