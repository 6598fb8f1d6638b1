// The page of a node. config.json, which the app's nginx.conf holds, says which node.
import { failed } from '../shared/page.js';
import { poll } from '../shared/poll.js';
import { askNode } from './node.js';
import { introduce, show } from './view.js';

poll({ introduce, ask: askNode, show: (answer, config) => show(answer, config, Date.now() / 1000), failed });
