// Server-sent events with a watchdog: a connection that is open but silent is dead too.

/** The server pings every 2 s; three missed pings mean that nobody is there. */
const SILENCE_MILLIS = 6500;
const FIRST_RETRY_MILLIS = 300;
const LAST_RETRY_MILLIS = 5000;

/**
 * Listens to `url` for ever. `handlers` maps event names to functions of the parsed data;
 * `onState(true|false)` tells whether the server is heard. Returns a function that ends it.
 */
export function listen(url, handlers, onState = () => {}) {
  let source = null;
  let lastHeard = 0;
  let retryMillis = FIRST_RETRY_MILLIS;
  let retryTimer = 0;
  let build = null;
  const gone = new AbortController();

  const heard = () => {
    lastHeard = performance.now();
    retryMillis = FIRST_RETRY_MILLIS;
    onState(true);
  };

  const open = () => {
    clearTimeout(retryTimer);
    source?.close();
    lastHeard = performance.now();
    source = new EventSource(url);
    source.onerror = () => retry();
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        heard();
        handle(JSON.parse(event.data));
      });
    }
    source.addEventListener("ping", (event) => {
      heard();
      const ping = JSON.parse(event.data);
      // A newer server brings newer pages: start over with them.
      if (build !== null && ping.build !== build) location.reload();
      build = ping.build;
    });
  };

  const retry = () => {
    onState(false);
    source?.close();
    clearTimeout(retryTimer);
    retryTimer = setTimeout(open, retryMillis);
    retryMillis = Math.min(retryMillis * 2, LAST_RETRY_MILLIS);
  };

  const watch = setInterval(() => {
    if (performance.now() - lastHeard > SILENCE_MILLIS) {
      lastHeard = performance.now();
      retry();
    }
  }, 1000);
  addEventListener("online", open, { signal: gone.signal });
  // A page that comes back from the cache of the browser has a dead connection.
  addEventListener("pageshow", (event) => event.persisted && open(), { signal: gone.signal });
  open();
  return () => {
    gone.abort();
    clearInterval(watch);
    clearTimeout(retryTimer);
    source?.close();
  };
}
