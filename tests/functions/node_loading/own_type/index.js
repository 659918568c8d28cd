export const handler = async () => import.meta.url.split('/').slice(-2).join('/');
