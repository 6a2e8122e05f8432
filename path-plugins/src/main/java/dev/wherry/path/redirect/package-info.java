/** The read policy {@code redirect}: what is not on the owner's node is read where it lies. */
@NullMarked
package dev.wherry.path.redirect;

import org.jspecify.annotations.NullMarked;
