/**
 * What the daemon is told: {@link dev.wherry.daemon.config.Configuration} is read once at start,
 * from options, the environment, a YAML file and defaults, and passed down. Whatever is wrong with
 * it is a {@link dev.wherry.daemon.config.ConfigurationException} that names the setting.
 */
@NullMarked
package dev.wherry.daemon.config;

import org.jspecify.annotations.NullMarked;
