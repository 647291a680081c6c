import express from 'express';
import request from 'supertest';
import { describe, expect, test } from 'vitest';
import { errorHandler } from '../src/answers.ts';
import { identifier } from '../src/identifier.ts';

const app = express()
  .get('/required', (req, res) => {
    res.send(identifier(req, 'productID'));
  })
  .get('/optional', (req, res) => {
    res.send(identifier(req, 'productID', '1234'));
  })
  .use(errorHandler);

describe('accepts', () => {
  test.each([
    ['/required?productID=7', '7'],
    ['/required?other=%zz&productID=7', '7'],
    ['/required?productID=a%20b+c', 'a b c'],
    ['/required?product%49D=7', '7'],
    ['/required?productID=a=b', 'a=b'],
    ['/required?productID=%F0%9F%93%A6', '\u{1f4e6}'],
    [`/required?productID=${'x'.repeat(128)}`, 'x'.repeat(128)],
    [`/required?productID=${'%F0%9F%93%A6'.repeat(128)}`, '\u{1f4e6}'.repeat(128)],
    ['/optional', '1234'],
    ['/optional?', '1234'],
    ['/optional?product=7', '1234'],
  ])('%s', async (url, value) => {
    await request(app).get(url).expect(200, value);
  });
});

describe('refuses, naming the parameter', () => {
  test.each([
    ['/required', 'productID is missing'],
    ['/required?', 'productID is missing'],
    ['/required?productid=7', 'productID is missing'],
    ['/required?productID', 'productID is empty'],
    ['/optional?productID=', 'productID is empty'],
    ['/optional?productID=1&productID=2', 'productID is repeated'],
    ['/optional?productID=1&product%49D=2', 'productID is repeated'],
    [`/required?productID=${'x'.repeat(129)}`, 'productID is longer than 128 characters'],
    ['/required?productID=%00', 'productID has a control character'],
    ['/required?productID=a%0d%0ab', 'productID has a control character'],
    ['/required?productID=%7F', 'productID has a control character'],
    ['/required?productID=%C2%85', 'productID has a control character'],
    ['/required?productID=%zz', 'productID has broken percent-encoding'],
    ['/required?productID=%', 'productID has broken percent-encoding'],
    ['/required?productID=%ff', 'productID has broken percent-encoding'],
    ['/required?productID=%ED%A0%80', 'productID has broken percent-encoding'],
  ])('%s', async (url, message) => {
    const { status, text } = await request(app).get(url);
    expect({ status, text }).toEqual({ status: 400, text: `${message}\n` });
  });
});
