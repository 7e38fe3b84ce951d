import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `strut serve --console` serves what is built; `npm run dev` takes its calls from there.
const server = process.env.STRUT_CONSOLE ?? "http://127.0.0.1:50080";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    outDir: "../server/strut_server/console/page",
    emptyOutDir: true,
    sourcemap: false,
    // What the page is made of, and under what terms.
    license: { fileName: "licenses.md" },
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
  },
  server: { proxy: { "/strut.v1": { target: server, headers: { origin: server } } } },
});
