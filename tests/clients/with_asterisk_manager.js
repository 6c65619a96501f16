// What an operator's program does with npm's asterisk-manager: with_asterisk_manager.js HOST PORT USER SECRET. A line a
// step that went well.
'use strict';
const assert = require('assert');
const connect = require('asterisk-manager');
const [host, port, user, secret] = process.argv.slice(2);

const seen = [];
const done = (step) => console.log(step);
const pause = (ms) => new Promise((wake) => setTimeout(wake, ms));

const ami = connect(port, host, user, secret, true);
ami.on('managerevent', (event) => seen.push(event));

// Gives the response, also where it is an error.
const act = (action, fields) => new Promise((answered) => {
  ami.action({ action, ...fields }, (error, response) => answered(error || response));
});

// The first event of that name with these headers.
const event = async (name, fields) => {
  for (let tries = 0; tries < 400; tries += 1) {
    const found = seen.find((one) => one.event === name && Object.entries(fields).every(([key, value]) => one[key] === value));
    if (found) return found;
    await pause(50);
  }
  throw new Error(`no ${name} with ${JSON.stringify(fields)}`);
};

const main = async () => {
  assert.strictEqual((await act('ping')).ping, 'Pong');
  done('login');
  done('ping');
  const queue = await act('queuestatus', { queue: 'sales_1' });
  assert.strictEqual(queue.eventlist, 'start');
  await event('QueueParams', { actionid: queue.actionid, queue: 'sales_1' });
  await event('QueueStatusComplete', { actionid: queue.actionid });
  done('list');
  const plan = await act('OutPlanCreate', { name: 'mine', variable: { A: '1', B: '2' } });
  const made = await event('OutPlanCreate', { uuid: plan.uuid });
  assert.deepStrictEqual([made.name, made.variable], ['mine', { A: '1', B: '2' }]);
  done('own event');
  const plans = await act('OutPlanShow');
  assert.strictEqual((await event('OutPlanEntry', { actionid: plans.actionid })).uuid, plan.uuid);
  assert.strictEqual((await event('OutPlanListComplete', { actionid: plans.actionid })).listitems, '1');
  done('own list');
  const call = { channel: 'Local/1000001@astout-demo', application: 'Wait', data: '60', async: 'true', variable: { X: 'y' } };
  const queued = await act('originate', call);
  assert.strictEqual(queued.response, 'Success', JSON.stringify(queued));
  const up = await event('OriginateResponse', { actionid: queued.actionid });
  assert.strictEqual(up.response, 'Success');
  await event('Newchannel', { uniqueid: up.uniqueid });
  assert.strictEqual((await act('hangup', { channel: up.channel })).response, 'Success');
  await event('Hangup', { uniqueid: up.uniqueid });
  done('originate');
  const refused = await act('originate', { ...call, channel: 'Console/dsp' });
  assert.strictEqual(refused.response, 'Error');
  assert(refused.message.includes('policy'), refused.message);
  done('refusal');
  ami.disconnect();

  await new Promise((settled) => {
    const stranger = connect(port, host);
    stranger.options.username = user;
    stranger.options.password = 'wrong';
    stranger.on('connect', () => stranger.login((error) => {
      assert.strictEqual(error && error.message, 'Authentication failed');
      stranger.disconnect();
      settled();
    }));
  });
  done('bad login');
};

const late = setTimeout(() => { console.error('nothing more comes'); process.exit(1); }, 50000);
main().then(() => { clearTimeout(late); process.exit(0); }, (why) => { console.error(why); process.exit(1); });
