// Keeps the figures of the admin page fresh, without reloading it under the reader.

const EVERY = 5000;

async function refresh() {
  try {
    const response = await fetch(location.pathname, { cache: "no-store" });
    if (response.ok) {
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
      document.getElementById("figures").replaceWith(fresh.getElementById("figures"));
    }
  } finally {
    setTimeout(refresh, EVERY);
  }
}

if (document.getElementById("figures")) setTimeout(refresh, EVERY);
