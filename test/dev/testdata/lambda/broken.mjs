throw new TypeError('the configuration cannot be read');
