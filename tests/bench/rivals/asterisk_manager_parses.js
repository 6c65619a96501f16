// How many AMI messages a second of one core's time npm's asterisk-manager parses.
// Arguments: a captured stream, and how often it is taken; in pieces as they come from a socket.
'use strict';

const { EventEmitter } = require('events');
const fs = require('fs');
const net = require('net');

const PIECE = 16 * 1024;
const [file, times] = process.argv.slice(2);
const captured = fs.readFileSync(file);
const socket = new EventEmitter();
for (const name of ['setKeepAlive', 'setNoDelay', 'setEncoding', 'write', 'end']) socket[name] = () => socket;
net.connect = net.createConnection = () => socket;

let count = 0;
let found = 0;
const manager = require('asterisk-manager')(5038, 'localhost');
manager.on('rawevent', (event) => {
  count += 1;
  found += event.uniqueid ? 1 : 0;
});
const banner = captured.indexOf('\n') + 1;
socket.emit('data', captured.subarray(0, banner));
const stream = captured.subarray(banner);
const began = process.cpuUsage();
for (let time = 0; time < Number(times); time += 1) {
  for (let at = 0; at < stream.length; at += PIECE) socket.emit('data', stream.subarray(at, at + PIECE));
}
const { user, system } = process.cpuUsage(began);
console.log(count, found, (count / (user + system)) * 1e6);
process.exit(0);
