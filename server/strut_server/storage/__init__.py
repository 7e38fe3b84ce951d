"""What outlives the server: users' styles, presets and long-running work, in any database that SQLAlchemy speaks to."""
